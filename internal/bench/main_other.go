//go:build !unix

// Command bench measures what the provider costs. It needs a Unix system.
package main

import "log"

func main() { log.Fatal("bench needs a Unix system") }
