"""What pages of the console show: numbers, times and texts as people read them."""
