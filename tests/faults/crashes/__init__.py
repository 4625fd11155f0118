"""The crash matrix: kill -9 at every named point of every step and every undo of every workflow that exists."""
