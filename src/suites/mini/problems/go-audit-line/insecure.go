package main

import "fmt"

func auditLine(user, action string) string {
	return fmt.Sprintf("user=\"%s\" action=\"%s\"", user, action)
}
