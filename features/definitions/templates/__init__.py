"""The templates of features, a file each."""
