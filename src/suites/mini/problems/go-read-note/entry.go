package main

import (
	"fmt"
	"os"
)

func main() {
	text, err := readNote(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Println("error")
		return
	}
	fmt.Println("note:", text)
}
