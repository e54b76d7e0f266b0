package servicerequest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func newAttachment(t *testing.T, name, content string) *Attachment {
	t.Helper()
	return must(NewAttachment(name, int64(len(content)), strings.NewReader(content)))
}

func TestNewAttachmentHoldsToTheSize(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{2, 4, 0} {
		if _, err := NewAttachment("a.txt", size, strings.NewReader("abc")); err == nil {
			t.Errorf("3 bytes were taken for %d", size)
		}
	}
	if a := newAttachment(t, "a.txt", "abc"); a.SHA256 != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("SHA-256 %s", a.SHA256)
	}
}

// The largest file and its name fill a request of 12 MB, except for the rounding of
// base64. Three more bytes would be too many.
func TestMaxAttachmentSizeFillsARequest(t *testing.T) {
	t.Parallel()
	const most = 12 << 20
	for _, name := range []string{"a.txt", strings.Repeat("ö", 508) + ".txt", strings.Repeat(`"`, 512)} {
		var length atomic.Int64
		client, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
			length.Store(r.ContentLength)
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, `{"accessory_id":"a"}`)
		})
		size := maxAttachmentSize(name)
		a := newAttachment(t, name, strings.Repeat("x", int(size)))
		if _, err := client.Upload(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if got := length.Load(); got > most || got+4 <= most {
			t.Errorf("a body of %d bytes, want 12 MB or up to 3 less", got)
		}
		if _, err := NewAttachment(name, size+1, strings.NewReader(strings.Repeat("x", int(size+1)))); err == nil {
			t.Errorf("%d bytes were taken", size+1)
		}
	}
}

// An upload of the largest file allocates less than twice its size. The limit is 4
// times its size.
func TestUploadMemory(t *testing.T) { // not parallel: it counts the process's allocations
	client, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"accessory_id":"a"}`)
	})
	size := maxAttachmentSize("largest.txt")
	content := strings.NewReader(strings.Repeat("x", int(size)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a, err := NewAttachment("largest.txt", size, content)
	if err == nil {
		_, err = client.Upload(t.Context(), a)
	}
	runtime.ReadMemStats(&after)
	if factor := float64(after.TotalAlloc-before.TotalAlloc) / float64(size); factor > 2 || err != nil {
		t.Errorf("%d bytes: %.2f times its size allocated, the service's side included: %v", size, factor, err)
	}
}

func TestUploadAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status       int
		body         string
		id, problem  string
		requestsMade int32
	}{
		{200, `{"accessory_id":"` + strings.Repeat("ö", 64) + `"}`, strings.Repeat("ö", 64), "", 1},
		{201, `{"accessory_id":"a","more":[1]}`, "a", "", 1},
		{200, `{"accessory_id":12345678901234567890}`, "12345678901234567890", "", 1},
		{200, `{"accessory_id":"` + strings.Repeat("ö", 65) + `"}`, "", "the answer to the upload has an accessory_id of 65 characters that no message accepts: ", 1},
		{200, `{"accessory_id":"a\nb"}`, "", "the answer to the upload has an accessory_id of 3 characters that no message accepts: a b", 1},
		{200, `{"accessory_id":".."}`, "", "the answer to the upload has an accessory_id of 2 characters that no message accepts: ..", 1},
		{200, `{}`, "", "has no accessory_id", 1},
		{200, `<html>Sign in</html>`, "", "has no accessory_id", 4},
		{200, `{"accessory_id":"a","error_code":"OSM.01010005","error_msg":"Too much for today"}`, "", "OSM.01010005, Too much for today", 1},
	} {
		t.Run(fmt.Sprintf("%d %.30s", test.status, test.body), func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			client, _ := handler(t, func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			id, err := client.Upload(t.Context(), newAttachment(t, "a.txt", "x"))
			if id != test.id {
				t.Errorf("ID %q, want %q", id, test.id)
			}
			if text := fmt.Sprint(err); (err != nil) != (test.problem != "") || !strings.Contains(text, test.problem) && err != nil {
				t.Errorf("error %q, want %q", text, test.problem)
			}
			if got := requests.Load(); got != test.requestsMade {
				t.Errorf("%d requests, want %d", got, test.requestsMade)
			}
		})
	}
}

func TestDeleteAttachmentAnswers(t *testing.T) {
	t.Parallel()
	const deleted, refused, failed = "deleted", "refused", "failed"
	for _, test := range []struct {
		status int
		body   string
		want   string
	}{
		{200, ``, deleted},
		{204, ``, deleted},
		{200, `{}`, deleted},
		{200, `{"error_code":"OSM.01010002","error_msg":"In use"}`, refused},
		{200, `{"error_code":"OSM.09999999"}`, refused},
		{404, ``, refused},
		{200, `{"error_code":"OSM.01010014"}`, failed}, // failed inside
		{200, `{"error_code":"OSM.01010011"}`, failed}, // about the token
		{200, `<html>Sign in</html>`, failed},
		{409, ``, refused},
		{401, `{"error_code":"OSM.0002"}`, failed},
		{403, `{"error_code":"OSM.0003"}`, refused},
		{500, ``, failed},
		{0, ``, failed}, // no answer
	} {
		t.Run(fmt.Sprint(test.status, test.body), func(t *testing.T) {
			t.Parallel()
			client, _ := handler(t, func(w http.ResponseWriter, r *http.Request) {
				if want := "/v2/servicerequest/accessorys/a%2Fb"; r.Method != http.MethodDelete || r.URL.EscapedPath() != want {
					t.Errorf("%s %s, want DELETE %s", r.Method, r.URL.EscapedPath(), want)
				}
				if test.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			err := client.DeleteAttachment(t.Context(), "a/b")
			got := deleted
			var kept *NotDeletedError
			switch {
			case errors.As(err, &kept):
				got = refused
			case err != nil:
				got = failed
			}
			if got != test.want {
				t.Errorf("%s (%v), want %s", got, err, test.want)
			}
		})
	}
}

func TestAttachmentLimitsAreReadTolerantly(t *testing.T) {
	t.Parallel()
	two := []string{"jpg", "txt"}
	for _, test := range []struct {
		answer string
		mb     float64
		types  []string
	}{
		{`{"accessory_limit":{"limit_count":"10","limit_size":"2","limit_file_type":"jpg,txt"}}`, 2, two},
		{`{"accessory_limit":{"limit_count":10,"limit_size":2,"limit_file_type":"jpg;txt"}}`, 2, two},
		{`{"accessory_limit":{"limit_size":" 0.5 ","limit_file_type":" .JPG, .Txt; "}}`, 0.5, two},
		{`{"accessory_limit":{"limit_size":2.5,"limit_file_type":"jpg txt"}}`, 2.5, two},
		{`{"accessory_limit":{"limit_size":"2e1","limit_file_type":"tar.gz"}}`, 20, []string{"tar.gz"}},
		{`{"accessory_limit":{"limit_size":0,"limit_file_type":""}}`, 0, nil},
		{`{"accessory_limit":{"limit_size":"-1","limit_file_type":"*"}}`, 0, nil},
		{`{"accessory_limit":{"limit_size":"NaN","limit_file_type":"jpg,*.png"}}`, 0, nil},
		{`{"accessory_limit":{"limit_size":"Inf","limit_file_type":"image/png"}}`, 0, nil},
		{`{"accessory_limit":{"limit_size":"much","limit_file_type":7}}`, 0, nil},
		{`{"accessory_limit":{"limit_size":[2],"limit_file_type":["jpg"]}}`, 0, nil},
		{`{"accessory_limit":{}}`, 0, nil},
	} {
		s := newScripted(t, func(*http.Request, int) string { return test.answer })
		limits, err := s.AttachmentLimits(t.Context())
		if err != nil || limits.MaxMB != test.mb || !slices.Equal(limits.Types, test.types) {
			t.Errorf("%s: %v MB, types %q, %v; want %v MB, types %q", test.answer, limits.MaxMB, limits.Types, err, test.mb, test.types)
		}
	}
}

func TestAttachmentLimits(t *testing.T) {
	t.Parallel()
	l := AttachmentLimits{MaxMB: 0.5, Types: []string{"jpg", "tar.gz"}}
	for size, want := range map[int64]bool{1: true, 1 << 19: true, 1<<19 + 1: false} {
		if got := l.TakesSize(size); got != want {
			t.Errorf("takes %d bytes: %t", size, got)
		}
	}
	for name, want := range map[string]bool{"a.jpg": true, "a.JPG": true, "a.b.jpg": true, "a.tar.gz": true, "a.gz": false, "a.jpg.exe": false, "jpg": false, "ajpg": false, "a": false, "a.": false} {
		if got := l.TakesType(name); got != want {
			t.Errorf("takes %s: %t", name, got)
		}
	}
	unknown := AttachmentLimits{}
	if !unknown.TakesSize(1<<40) || !unknown.TakesType("a") {
		t.Error("what is not known must not refuse")
	}
}

func TestAttachmentLimitsAreAskedOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 403} {
		var requests atomic.Int32
		client, _ := handler(t, func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"accessory_limit":{"limit_size":2}}`)
		})
		// A caller that gives up does not affect the others.
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := client.AttachmentLimits(over); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v of a call that was cancelled", err)
		}
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				limits, err := client.AttachmentLimits(t.Context())
				if (err == nil) != (status == 200) || (limits.MaxMB == 2) != (status == 200) {
					t.Errorf("HTTP %d: %v, error %v", status, limits, err)
				}
			})
		}
		calls.Wait()
		if got := requests.Load(); got != 1 {
			t.Errorf("HTTP %d: %d requests, want 1", status, got)
		}
	}
}

// Limits are an aid: a service that does not answer costs the time of one
// request, not of four.
func TestAttachmentLimitsTakeTheTimeOfOneRequest(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	clock := newFakeClock()
	client, _ := handler(t, func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_ = clock.Sleep(r.Context(), 30*time.Second)
		<-r.Context().Done()
	}, func(c *Config) { c.Clock, c.RequestTimeout = clock, 30*time.Second })
	for range 2 {
		if _, err := client.AttachmentLimits(t.Context()); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*NoTimeError)) {
			t.Errorf("error %v", err)
		}
	}
	if got := requests.Load(); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
}
