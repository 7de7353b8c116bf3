package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
)

func main() {
	data, err := hex.DecodeString(os.Args[1])
	if err != nil {
		os.Exit(2)
	}
	r := bytes.NewReader(data)
	for {
		text, err := readMessage(r)
		if err != nil {
			fmt.Println("error")
			break
		}
		fmt.Printf("[%s]\n", text)
	}
	// A huge block that is never touched costs nothing here, so count what was asked for.
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.TotalAlloc > 16<<20 {
		os.Exit(3)
	}
}
