"""Pure functions on arrays: numpy and scipy in, numbers out. A random generator is always an argument."""
