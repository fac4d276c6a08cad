"""Drawing the sandbox's pictures: `paint` puts a reference's product into a scene of `sets` and `scenes`."""
