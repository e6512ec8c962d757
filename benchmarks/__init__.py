"""Measurements. CPU time is given as ratios: on a shared machine, seconds are not comparable."""
