"""What answers to browsers, stores and the image service over HTTP."""
