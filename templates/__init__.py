"""The words: templates/<notice>/notice.yaml and templates/<notice>/<locale>/<channel>.txt."""
