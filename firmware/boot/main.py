"""What a chip runs after its boot script: the pendant, on the board whose file was built in."""

from board import board

from firmware.pendant.main import run

run(board)
