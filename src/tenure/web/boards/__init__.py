"""Boards as pages: a list to start from (`listing`), a board and its tiles (`page`), what changes one (`acts`), and a board
as a file (`export`). One more kind of tile is one file in `tiles`."""
