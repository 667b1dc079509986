"""The main job as a show: an order, its server killed with -9, and the order finishing after a restart."""
