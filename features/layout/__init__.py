"""Where everything stands in the arrays that the kernel works on."""
