package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

func readNote(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	if !strings.HasPrefix(path, filepath.Clean(dir)) {
		return "", errors.New("no such note")
	}
	data, err := os.ReadFile(path)
	return string(data), err
}
