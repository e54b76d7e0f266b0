package servicerequest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

const attachmentsPath = "v2/servicerequest/accessorys/"

// Attachment is a file that is ready to be sent. Its content is held once, in
// base64, where the request's body needs it: 4/3 of the file's size.
type Attachment struct {
	Name   string
	Size   int64
	SHA256 string // of the content, in hexadecimal

	body []byte
}

// uploadFrame returns the parts of the body of the upload call before and after the data,
// which is in base64.
func uploadFrame(name string) (head, tail []byte) {
	quoted, _ := json.Marshal(name) // a string can always be encoded
	return fmt.Appendf(nil, `{"accessory_name":%s,"accessory_from":"message","upload_type":0,"accessory_data":"`, quoted), []byte(`"}`)
}

// maxAttachmentSize is how many bytes a file of this name may have, to fit into
// a request of 12 MB in base64. The service's own limit may be lower: see
// [Client.AttachmentLimits].
func maxAttachmentSize(name string) int64 {
	head, tail := uploadFrame(name)
	return int64(maxRequestBytes-len(head)-len(tail)) / 4 * 3
}

// NewAttachment reads a file of the given size, once. It refuses one that is empty or does
// not fit into a request. The error's text continues a sentence about the file.
func NewAttachment(name string, size int64, content io.Reader) (*Attachment, error) {
	switch highest := maxAttachmentSize(name); {
	case size == 0:
		return nil, errors.New("is empty")
	case size > highest:
		return nil, fmt.Errorf("has %d bytes, but at most %d fit into a request: the service accepts 12 MB, and the content is sent in base64", size, highest)
	}
	head, tail := uploadFrame(name)
	length := len(head) + base64.StdEncoding.EncodedLen(int(size)) + len(tail)
	body := bytes.NewBuffer(make([]byte, 0, length))
	body.Write(head)
	hash := sha256.New()
	encoder := base64.NewEncoder(base64.StdEncoding, body)
	// Read one more byte than expected: a file may grow while it is read.
	read, err := io.Copy(io.MultiWriter(hash, encoder), io.LimitReader(content, size+1))
	if err == nil && read != size {
		err = errors.New("the file changed while it was being read")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	_ = encoder.Close() // a buffer takes everything
	body.Write(tail)
	return &Attachment{Name: name, Size: size, SHA256: hex.EncodeToString(hash.Sum(nil)), body: body.Bytes()}, nil
}

// Upload uploads an attachment and returns its ID, which messages refer to. It is
// repeated like a call that reads: a second upload only leaves an attachment that
// nobody uses.
func (c *Client) Upload(ctx context.Context, a *Attachment) (id string, err error) {
	var got struct {
		ID Text `json:"accessory_id"`
	}
	o, err := c.doIdempotent(ctx, c.request(http.MethodPost, attachmentsPath+"json-format-content", nil, a.body), &got)
	id = string(got.ID)
	if err == nil && id == "" {
		err = c.failure(o)
	}
	var api *APIError
	switch {
	case errors.As(err, &api) && api.Status/100 == 2 && api.Code == "":
		return "", fmt.Errorf("the answer to the upload has no accessory_id: %w", err)
	case err != nil:
		return "", err
	case utf8.RuneCountInString(id) > MaxAccessoryID, strings.ContainsFunc(id, unicode.IsControl), id == ".", id == "..":
		return "", fmt.Errorf("the answer to the upload has an accessory_id of %d characters that no message accepts: %s",
			utf8.RuneCountInString(id), c.clean(id))
	}
	return id, nil
}

// NotDeletedError reports that the service refused to delete an attachment: a
// message or a ticket uses it, or it no longer exists.
type NotDeletedError struct{ Err error }

func (e *NotDeletedError) Error() string { return "the attachment was not deleted: " + e.Err.Error() }
func (e *NotDeletedError) Unwrap() error { return e.Err }

// keptStatus are the refusals that may mean that a message uses the attachment.
// No page says which one the service gives.
var keptStatus = map[int]bool{
	http.StatusBadRequest: true, http.StatusForbidden: true, http.StatusNotFound: true, http.StatusConflict: true,
}

// DeleteAttachment deletes an attachment that nobody uses. A refusal is a
// [NotDeletedError].
func (c *Client) DeleteAttachment(ctx context.Context, id string) error {
	o, err := c.doIdempotent(ctx, c.request(http.MethodDelete, attachmentsPath+escapeSegment(id), nil, nil), nil)
	var api *APIError
	switch {
	case err == nil && len(bytes.TrimSpace(o.body)) > 0 && json.Unmarshal(o.body, &struct{}{}) != nil:
		return c.failure(o) // a captive portal answers 200 too
	case errors.As(err, &api) && (keptStatus[api.Status] ||
		// That the token identifies no customer says nothing about the attachment.
		api.Status == http.StatusOK && api.Code != "" && rejectingCodes[api.Code] != CauseNoCustomer && !operationFailed[api.Code]):
		return &NotDeletedError{err}
	}
	return err
}

// AttachmentLimits is what the service accepts. A field with its zero value is an
// unknown limit.
type AttachmentLimits struct {
	MaxMB float64  // of a file; a megabyte is 1,048,576 bytes
	Types []string // file name extensions in lower case, without the dot in front
}

// TakesSize reports whether a file of this size is within the limits.
func (l AttachmentLimits) TakesSize(size int64) bool {
	return l.MaxMB == 0 || float64(size) <= l.MaxMB*(1<<20)
}

// TakesType reports whether the service accepts the type of a file of this name.
func (l AttachmentLimits) TakesType(name string) bool {
	name = strings.ToLower(name)
	return len(l.Types) == 0 || slices.ContainsFunc(l.Types, func(t string) bool { return strings.HasSuffix(name, "."+t) })
}

// limitsMemory keeps the limits, which are requested once per client.
type limitsMemory struct {
	mu     sync.Mutex
	asked  bool
	limits AttachmentLimits
	err    error
}

// AttachmentLimits returns the service's limits. The first call requests them, and
// parallel calls wait for it. Later calls get the same result, even an error. The
// call takes at most the time of one request: the limits are only an aid.
func (c *Client) AttachmentLimits(ctx context.Context) (AttachmentLimits, error) {
	m := &c.limits
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked {
		return m.limits, m.err
	}
	asking, cancel := c.clock.WithTimeout(ctx, c.config.RequestTimeout)
	defer cancel()
	// Documented as strings, but the published example has numbers.
	var got struct {
		Limits struct {
			Size  json.RawMessage `json:"limit_size"`
			Types json.RawMessage `json:"limit_file_type"`
		} `json:"accessory_limit"`
	}
	_, err := c.doIdempotent(asking, c.request(http.MethodGet, attachmentsPath+"limits", nil, nil), &got)
	if err != nil && ctx.Err() != nil {
		return AttachmentLimits{}, err // this caller's time is up; the next one may ask
	}
	m.asked, m.err = true, err
	if err == nil {
		m.limits = AttachmentLimits{MaxMB: limitMB(got.Limits.Size), Types: limitTypes(got.Limits.Types)}
	}
	return m.limits, m.err
}

// limitMB reads a positive number, bare or as a string. It returns 0 for any other
// value.
func limitMB(raw json.RawMessage) float64 {
	text := string(raw)
	_ = json.Unmarshal(raw, &text) // a number stays as it is
	mb, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(mb > 0) || math.IsInf(mb, 0) {
		return 0
	}
	return mb
}

// limitTypes reads a list of extensions such as "jpg, .PNG;txt". It returns nil if
// the list has anything else, such as "*".
func limitTypes(raw json.RawMessage) []string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return nil
	}
	var extensions []string
	for _, t := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;", r) }) {
		t = strings.ToLower(strings.TrimPrefix(t, "."))
		if t == "" || strings.ContainsFunc(t, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_+", r)
		}) {
			return nil
		}
		extensions = append(extensions, t)
	}
	return extensions
}
