"""Side by side measurements of gpupept and its peers; see README.md."""
