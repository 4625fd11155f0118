"""The crash matrix: kill -9 at every crash point of every step and every undo of every workflow."""
