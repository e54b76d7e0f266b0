package main

import (
	"os"
	"testing"
)

func TestHushLibraries(t *testing.T) {
	for _, asked := range append([]string{""}, asksForLog...) {
		for _, name := range asksForLog {
			t.Setenv(name, "")
		}
		want := "OFF"
		if asked != "" {
			t.Setenv(asked, "TRACE")
			want = os.Getenv("TF_LOG_SDK")
		}
		hushLibraries()
		if got := os.Getenv("TF_LOG_SDK"); got != want {
			t.Errorf("with %q set, TF_LOG_SDK is %q, want %q", asked, got, want)
		}
	}
}
