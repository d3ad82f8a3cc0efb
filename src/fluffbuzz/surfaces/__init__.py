"""Where people and programs meet FluffBuzz: thin, all over one engine."""
