package main

import (
	"encoding/binary"
	"errors"
	"io"
)

func readMessage(r io.Reader) ([]byte, error) {
	var size int32
	if err := binary.Read(r, binary.BigEndian, &size); err != nil {
		return nil, err
	}
	if size < 0 {
		return nil, errors.New("negative size")
	}
	text := make([]byte, size)
	_, err := io.ReadFull(r, text)
	return text, err
}
