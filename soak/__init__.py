"""What takes longer than CI may: many turns, cancellations and kills against a real vLLM, with the figures they gave."""
