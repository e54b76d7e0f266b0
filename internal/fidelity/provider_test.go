package fidelity

import (
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/osm/v2/model"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// mayDiffer are the headers in which the provider's POST may differ from that of Huawei's SDK, and why.
var mayDiffer = map[string]string{
	"Accept-Encoding": "the provider asks for no compression, so that the limit on what it reads is that of what arrives",
	"Authorization":   "the date and the User-Agent are signed; what is signed is compared apart",
	"Content-Length":  "the SDK ends its JSON with a newline",
	"User-Agent":      "each names itself",
	"X-Sdk-Date":      "a second may pass between the two",
}

// accounts are whom the service knows, as the SDK and as the provider take them.
var accounts = map[string]struct {
	sdk      auth.ICredential
	provider credentials.Source
}{
	"permanent key": {keyed(permanent), credentials.AccessKey(permanent)},
	"temporary key": {keyed(temporary), credentials.AccessKey(temporary)},
	"token":         {token(aToken), credentials.Token(aToken)},
}

// TestTheProviderPostsAsTheSDKDoes compares what the two send for the same message.
func TestTheProviderPostsAsTheSDKDoes(t *testing.T) {
	t.Parallel()
	posts := map[string]servicerequest.Post{
		"least":          {CaseID: caseID, Content: "text"},
		"group":          {CaseID: caseID, Content: "text", GroupID: "group"},
		"no accessories": {CaseID: caseID, Content: "text", AccessoryIDs: []string{}},
		"accessories":    {CaseID: caseID, Content: "text", AccessoryIDs: []string{"1", "b-2", "ü"}, GroupID: "group"},
		"markup":         {CaseID: caseID, Content: "<b>a</b> && \"b\" \\ \u2028\u2029 \u0001\u007f\t\r\n"},
		"Unicode":        {CaseID: caseID, Content: "无法登录 🎫 e\u0301 \ufffd\ufeff"},
		"long":           {CaseID: caseID, Content: strings.Repeat("长", 10_000)},
		"dashes":         {CaseID: "case-123_4.5~6", Content: "text"},
		"Unicode case":   {CaseID: "工单-🎫", Content: "text"},
		"escaped":        {CaseID: `"#<>?[\]^{|}` + "`", Content: "text"},
		"raw dollar":     {CaseID: "$&+,:;=@", Content: "text"},
		"raw quotes":     {CaseID: "!'()*", Content: "text"},
	}
	settings := map[string]servicerequest.Config{
		"bare":     {},
		"settings": {Language: "en-us", TimeZone: "GMT+8", Site: "1"},
	}
	for accountName, account := range accounts {
		for settingsName, config := range settings {
			for name, post := range posts {
				t.Run(accountName+", "+settingsName+", "+name, func(t *testing.T) {
					t.Parallel()
					server := service(t, simulator.Options{})
					server.AddCase(simulator.Case{ID: post.CaseID})
					ours := providerPosts(t, server, config, account.provider, post)
					theirs := sdkPosts(t, server, config, account.sdk, post)
					if strings.HasPrefix(name, "raw") { // The SDK does not escape these. Once decoded, it must be the same path.
						ours.Path, theirs.Path = ok(url.PathUnescape(ours.Path)), ok(url.PathUnescape(theirs.Path))
					}
					compare(t, ours, theirs)
				})
			}
		}
	}
}

// providerPosts returns the one request with which the provider's client posts.
func providerPosts(t *testing.T, server *simulator.Server, config servicerequest.Config, source credentials.Source, s servicerequest.Post) simulator.Request {
	t.Helper()
	config.Endpoint, config.Credentials, config.UserAgent = ok(servicerequest.ParseEndpoint(server.URL())), source, "provider"
	client := servicerequest.New(config)
	if a, err := client.Post(t.Context(), s); err != nil || a.Outcome != servicerequest.Submitted {
		t.Fatal(a.Outcome, a.Err, err)
	}
	return sole(t, server)
}

// sdkPosts returns the one request with which Huawei's SDK posts.
func sdkPosts(t *testing.T, server *simulator.Server, config servicerequest.Config, credential auth.ICredential, s servicerequest.Post) simulator.Request {
	t.Helper()
	r := &model.CreateMessagesRequest{
		CaseId: s.CaseID,
		Body:   &model.CreateMessageV2Req{Message: &model.CreateMessageDoV2{Content: s.Content}},
	}
	if s.AccessoryIDs != nil {
		r.Body.Message.AccessoryIds = &s.AccessoryIDs
	}
	if s.GroupID != "" {
		r.Body.GroupId = &s.GroupID
	}
	if config.Language != "" {
		r.XLanguage = &config.Language
	}
	if config.TimeZone != "" {
		r.XTimeZone = &config.TimeZone
	}
	if config.Site == "1" {
		r.XSite = p[int32](1)
	}
	got := ok(sdkClient(server, credential).CreateMessages(r))
	if v(got.ErrorCode) != "" {
		t.Fatalf("refused: %s", got)
	}
	return sole(t, server)
}

// sole returns the only request that came, and forgets it.
func sole(t *testing.T, server *simulator.Server) simulator.Request {
	t.Helper()
	requests := server.Requests()
	if len(requests) != 1 || requests[0].Operation != simulator.OpSubmit || !requests[0].Committed {
		t.Fatalf("%d requests, and not the one POST of a message", len(requests))
	}
	server.Reset()
	return requests[0]
}

func compare(t *testing.T, ours, theirs simulator.Request) {
	t.Helper()
	if ours.Method != theirs.Method || ours.Path != theirs.Path || ours.RawQuery != theirs.RawQuery {
		t.Errorf("request line\n ours %s %s?%s\nSDK's %s %s?%s", ours.Method, ours.Path, ours.RawQuery, theirs.Method, theirs.Path, theirs.RawQuery)
	}
	if a, b := decoded(t, ours.Body), decoded(t, theirs.Body); !reflect.DeepEqual(a, b) {
		t.Errorf("body\n ours %.300s\nSDK's %.300s", ours.Body, theirs.Body)
	}
	if !utf8.Valid(ours.Body) {
		t.Error("the body is not UTF-8")
	}

	names := maps.Clone(ours.Header)
	maps.Copy(names, theirs.Header)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if mayDiffer[name] == "" && !slices.Equal(ours.Header[name], theirs.Header[name]) {
			t.Errorf("header %s\n ours %q\nSDK's %q", name, ours.Header[name], theirs.Header[name])
		}
	}
	a, _, _ := strings.Cut(ours.Header.Get("Authorization"), ", Signature=")
	b, _, _ := strings.Cut(theirs.Header.Get("Authorization"), ", Signature=")
	if a != b {
		t.Errorf("signed\n ours %s\nSDK's %s", a, b)
	}
}

// decoded is the JSON value of a body.
func decoded(t *testing.T, body []byte) any {
	t.Helper()
	var got any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v in %.300s", err, body)
	}
	return got
}
