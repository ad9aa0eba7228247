"""Pages of why customers leave: the fishbone and the Pareto, one cause with its discussion, the queue, and the tree."""
