package simulator

import (
	"bytes"
	"net/http"
)

func strikeCut(ex *exchange, _ Fault, _ *answer) { ex.cut() }

func strikeError(status int, code, msg string) func(*exchange, Fault, *answer) {
	return func(ex *exchange, f Fault, _ *answer) {
		a := refuse(status, code, msg)
		if f.RetryAfter != "" {
			a.header = map[string]string{"Retry-After": f.RetryAfter}
		}
		ex.send(a)
	}
}

// strikeStatus answers with a status alone.
func strikeStatus(status int) func(*exchange, Fault, *answer) {
	return func(ex *exchange, f Fault, _ *answer) {
		var header map[string]string
		if f.RetryAfter != "" {
			header = map[string]string{"Retry-After": f.RetryAfter}
		}
		ex.begin(status, "", header)
	}
}

func strikeSlow(ex *exchange, f Fault, a *answer) {
	ex.wait(f.Delay)
	if a == nil {
		a = refuse(504, "APIGW.0201", "Backend timeout")
	}
	ex.send(a)
}

func strikeTruncated(ex *exchange, _ Fault, _ *answer) {
	ex.begin(200, "application/json", map[string]string{"Content-Length": "64"})
	_, _ = ex.w.Write([]byte(`{"error_code":"`))
}

func strikeHTML(ex *exchange, _ Fault, _ *answer) {
	ex.begin(200, "text/html; charset=utf-8", nil)
	_, _ = ex.w.Write([]byte("<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Welcome to the guest network</h1></body></html>\n"))
}

func strikeHuge(ex *exchange, _ Fault, _ *answer) {
	ex.begin(200, "application/json", nil)
	_, _ = ex.w.Write([]byte(`{"error_code":"","error_msg":"`))
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range 100 {
		if _, err := ex.w.Write(chunk); err != nil {
			return // the client has had enough
		}
	}
	_, _ = ex.w.Write([]byte(`"}`))
}

func strikeRedirect(ex *exchange, f Fault, _ *answer) {
	if f.Location == "" {
		f.Location = "/elsewhere"
	}
	ex.begin(http.StatusTemporaryRedirect, "text/html", map[string]string{"Location": f.Location})
}
