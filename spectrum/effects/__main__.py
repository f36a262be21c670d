"""`python -m spectrum.effects` measures the effect table."""

from spectrum.effects.table import main

main()
