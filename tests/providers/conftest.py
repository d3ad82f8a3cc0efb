"""Hypothesis without a time limit for one example: machines that run several things at once are slow now and then."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
