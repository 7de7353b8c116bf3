package main

import (
	"errors"
	"os"
	"path/filepath"
)

func readNote(dir, name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", errors.New("no such note")
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	return string(data), err
}
