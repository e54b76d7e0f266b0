package main

import (
	"os"
	"runtime/debug"
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

func TestCollectGarbageLater(t *testing.T) {
	before := debug.SetGCPercent(123)
	defer debug.SetGCPercent(before)
	for user, want := range map[string]int{"": 400, "50": 77} {
		t.Setenv("GOGC", user)
		debug.SetGCPercent(77)
		collectGarbageLater()
		if got := debug.SetGCPercent(77); got != want {
			t.Errorf("with GOGC=%q the percentage is %d, want %d", user, got, want)
		}
	}
}
