package main

import (
	"encoding/binary"
	"errors"
	"io"
)

func readMessage(r io.Reader) ([]byte, error) {
	var size uint32
	if err := binary.Read(r, binary.BigEndian, &size); err != nil {
		return nil, err
	}
	if size > 64*1024 {
		return nil, errors.New("message too large")
	}
	text := make([]byte, size)
	_, err := io.ReadFull(r, text)
	return text, err
}
