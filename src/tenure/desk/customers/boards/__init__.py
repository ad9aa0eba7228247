"""Boards: pages of figures that people put together (`models`), kept by verbs (`services`), with some to start from
(`ready`) and a way to hand one on (`links`)."""
