package main

import "fmt"

func auditLine(user, action string) string {
	return fmt.Sprintf("user=%q action=\"%s\"", user, action)
}
