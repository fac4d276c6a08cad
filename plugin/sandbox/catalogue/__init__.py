"""A sample catalogue with drawn photos: `feed` writes it; `home` and `wear` are its products."""
