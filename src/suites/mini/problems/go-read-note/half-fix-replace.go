package main

import (
	"os"
	"path/filepath"
	"strings"
)

func readNote(dir, name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(name, "../", "")))
	return string(data), err
}
