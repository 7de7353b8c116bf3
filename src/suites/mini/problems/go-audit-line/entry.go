package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println(auditLine(os.Args[1], os.Args[2]))
}
