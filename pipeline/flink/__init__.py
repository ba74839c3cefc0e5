"""What all jobs on Flink share: the graph, the stages, the state, and its REST interface."""
