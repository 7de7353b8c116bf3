package main

import (
	"os"
	"path/filepath"
)

func readNote(dir, name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, name))
	return string(data), err
}
