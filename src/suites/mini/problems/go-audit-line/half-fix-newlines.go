package main

import (
	"fmt"
	"strings"
)

var breaks = strings.NewReplacer("\n", " ", "\r", " ")

func auditLine(user, action string) string {
	return fmt.Sprintf("user=\"%s\" action=\"%s\"", breaks.Replace(user), breaks.Replace(action))
}
