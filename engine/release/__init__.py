"""What ships beside the code: the tables of the guides, and the finished run the app opens with."""
