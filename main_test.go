package main

import (
	"os"
	"testing"
)

func TestSilencePluginLogs(t *testing.T) {
	for _, asked := range append([]string{""}, logVariables...) {
		for _, name := range logVariables {
			t.Setenv(name, "")
		}
		want := "OFF"
		if asked != "" {
			t.Setenv(asked, "TRACE")
			want = os.Getenv("TF_LOG_SDK")
		}
		silencePluginLogs()
		if got := os.Getenv("TF_LOG_SDK"); got != want {
			t.Errorf("with %q set, TF_LOG_SDK is %q, want %q", asked, got, want)
		}
	}
}
