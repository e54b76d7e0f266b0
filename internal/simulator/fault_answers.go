package simulator

import (
	"bytes"
	"net/http"
)

func strikeAnswer(ex *exchange, f Fault, _ *answer) {
	header := map[string]string{}
	if f.RetryAfter != "" {
		header["Retry-After"] = f.RetryAfter
	}
	if f.Location != "" {
		header["Location"] = f.Location
	}
	if f.Code == "" {
		ex.begin(f.Status, "", header)
		return
	}
	a := refuse(f.Status, f.Code, "Simulated fault")
	a.header = header
	ex.send(a)
}

func strikeCut(ex *exchange, _ Fault, _ *answer) { ex.cut() }

func strikeSlow(ex *exchange, f Fault, a *answer) {
	ex.wait(f.Delay)
	if a == nil {
		a = refuse(504, documentedCodes[504], "Simulated fault")
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

// strikeUnbounded answers with an empty body that only the end of the connection
// ends: net/http then sends neither a length nor chunks.
func strikeUnbounded(ex *exchange, _ Fault, _ *answer) {
	ex.begin(http.StatusOK, "application/json", map[string]string{"Transfer-Encoding": "identity"})
}

// strikeSwitch switches to a protocol in which neither side sends anything. It ends
// when the client or the server closes the connection.
func strikeSwitch(ex *exchange, _ Fault, _ *answer) {
	ex.begin(http.StatusSwitchingProtocols, "", map[string]string{"Connection": "Upgrade", "Upgrade": "silence"})
	_ = http.NewResponseController(ex.w).Flush() // an error is the client's leaving
	ex.wait(0)
}
