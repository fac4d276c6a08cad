"""What answers over HTTP: the pages (`app`) for people, the picture relay (`relay`) for stores and the service."""
