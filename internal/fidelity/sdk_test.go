package fidelity

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/global"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/impl"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
	osm "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/osm/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/osm/v2/model"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const (
	caseID   = "TT201801020526"
	domainID = "0123456789abcdef0123456789abcdef"
	aToken   = "MIIexample"
)

var (
	permanent = simulator.AccessKey{AccessKey: "PERMANENT", SecretKey: "permanent-secret", DomainID: domainID}
	temporary = simulator.AccessKey{AccessKey: "TEMPORARY", SecretKey: "temporary-secret", SecurityToken: "ggljbi1ub3J0aC00jQ==", DomainID: domainID}
)

// service starts a simulated service with one ticket.
func service(t *testing.T, opts simulator.Options) *simulator.Server {
	t.Helper()
	opts.Tokens = []string{aToken}
	opts.AccessKeys = []simulator.AccessKey{permanent, temporary}
	server := ok(simulator.Start("", opts))
	t.Cleanup(func() { _ = server.Close() })
	server.AddCase(simulator.Case{
		ID: caseID, Status: 1, Description: "无法登录", GroupID: "group", CustomerID: "customer", XCustomerName: "name",
		BusinessType: "business", IncidentType: "incident", Severity: "severity", Source: "source", Region: "region",
		CreateTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	})
	return server
}

// token has Huawei's SDK send a token. The SDK knows only keys, but it takes credentials that others define.
type token string

func (c token) ProcessAuthParams(*impl.DefaultHttpClient, string) (auth.ICredential, error) {
	return c, nil
}

func (c token) ProcessAuthRequest(_ *impl.DefaultHttpClient, r *request.DefaultHttpRequest) (*request.DefaultHttpRequest, error) {
	r.AddHeaderParam("X-Auth-Token", string(c))
	return r, nil
}

// keyed are the SDK's credentials for a key pair. A domain ID that is given, and a client without a region, keep the
// SDK from asking IAM for it.
func keyed(k simulator.AccessKey) auth.ICredential {
	return ok(global.NewCredentialsBuilder().
		WithAk(k.AccessKey).WithSk(k.SecretKey).WithSecurityToken(k.SecurityToken).WithDomainId(k.DomainID).SafeBuild())
}

// sdkClient is Huawei's client of the service, as it comes.
func sdkClient(server *simulator.Server, credential auth.ICredential) *osm.OsmClient {
	builder := osm.OsmClientBuilder()
	if _, ok := credential.(token); ok {
		builder.WithCredentialsType("fidelity.token")
	}
	return osm.NewOsmClient(ok(builder.
		WithEndpoint(server.URL()).
		WithCredential(credential).
		WithHttpConfig(config.DefaultHttpConfig().WithTimeout(10 * time.Second)).
		SafeBuild()))
}

// p makes the pointers that the SDK wants for what may be missing.
func p[T any](v T) *T { return &v }

// v is what such a pointer points to, or zero.
func v[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// ok is what a call of the SDK returns, which must be no error.
func ok[T any](got T, err error) T {
	if err != nil {
		panic(err)
	}
	return got
}

// TestTheSDKDrivesTheSimulator shows that the simulator is not merely what the provider's own client believes the
// service to be.
func TestTheSDKDrivesTheSimulator(t *testing.T) {
	t.Parallel()
	for name, account := range accounts {
		for _, jsonAnswers := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, JSON answers %t", name, jsonAnswers), func(t *testing.T) {
				t.Parallel()
				drive(t, service(t, simulator.Options{JSONAnswers: jsonAnswers}), account.sdk)
			})
		}
	}
}

func drive(t *testing.T, server *simulator.Server, credential auth.ICredential) {
	client := sdkClient(server, credential)
	before := time.Now().Truncate(time.Second)
	const content = "第一 & <b>bold</b> 🎫\n\"quoted\"\\ \u2028"

	created := ok(client.CreateMessages(&model.CreateMessagesRequest{
		CaseId: caseID, XSite: p[int32](1), XLanguage: p("en-us"), XTimeZone: p("GMT+8"),
		Body: &model.CreateMessageV2Req{GroupId: p("group"), Message: &model.CreateMessageDoV2{
			Content: content, AccessoryIds: &[]string{"accessory-1", "accessory-2"},
		}},
	}))
	if created.HttpStatusCode != http.StatusOK || v(created.ErrorCode) != "" || v(created.ErrorMsg) != "" {
		t.Errorf("submit: %d %s", created.HttpStatusCode, created)
	}
	if got := server.Messages(caseID); len(got) != 1 || got[0].Content != content || got[0].GroupID != "group" ||
		strings.Join(got[0].AccessoryIDs, " ") != "accessory-1 accessory-2" {
		t.Fatalf("on the ticket: %+v", got)
	}
	server.AddMessage(caseID, simulator.Message{Type: 1, ReplierType: 1, ReplierName: "engineer", Content: "answer"})

	list := ok(client.ListMessages(&model.ListMessagesRequest{CaseId: caseID, GroupId: p("group"), Offset: p[int32](0), Limit: p[int32](100)}))
	messages := v(list.MessageList)
	if v(list.Count) != 2 || len(messages) != 2 {
		t.Fatalf("list: %s", list)
	}
	first, second := messages[0], messages[1]
	if got, want := v(first.Content), strings.NewReplacer("<b>", "", "</b>", "").Replace(content); got != want {
		t.Errorf("content = %q, want %q: the SDK cannot ask for the markup", got, want)
	}
	if v(first.Type) != 0 || v(first.ReplierType) != 0 || v(first.IsFirstMessage) != 1 || v(first.Replier) != "customer" || v(first.ReplierName) != "name" {
		t.Errorf("list: %s", first)
	}
	if at := time.Time(v(first.CreateTime)); at.Before(before) || at.After(time.Now()) {
		t.Errorf("create_time = %v, want it since %v", at, before)
	}
	if a := v(first.AccessoryList); len(a) != 2 || v(a[0].AccessoryId) != "accessory-1" || v(a[0].FileActualName) == "" {
		t.Errorf("accessory_list = %v", a)
	}
	if v(second.Type) != 1 || v(second.ReplierType) != 1 || v(second.IsFirstMessage) != 0 || v(second.Content) != "answer" {
		t.Errorf("list: %s", second)
	}

	shown := ok(client.ShowCaseDetail(&model.ShowCaseDetailRequest{CaseId: caseID, GroupId: p("group")}))
	detail := v(shown.IncidentDetailInfo)
	if v(detail.IncidentId) != caseID || detail.Status != 1 || detail.SimpleDescription != "无法登录" ||
		detail.BusinessTypeName != "business" || detail.IncidentTypeName != "incident" || v(detail.SeverityName) != "severity" ||
		detail.SourceName != "source" || detail.DcName != "region" || detail.CustomerId != "customer" || v(detail.XcustomerName) != "name" ||
		!time.Time(v(detail.CreateTime)).Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || detail.ExtInfo == nil {
		t.Errorf("detail: %s", detail)
	}
	if got := detail.MessageList; len(got) != 2 || v(got[0].MessageId) == "" || v(got[0].Content) != content {
		t.Errorf("the detail's messages: %v", got)
	}

	status := ok(client.ShowCaseStatus(&model.ShowCaseStatusRequest{CaseId: caseID}))
	if status.Status == nil || *status.Status != 1 {
		t.Errorf("status: %s", status)
	}

	cases := ok(client.ListCases(&model.ListCasesRequest{
		SearchKey: &[]string{"无法", "登录"}, GroupId: p("group"), Status: p[int32](1), Offset: p[int32](0), Limit: p[int32](10),
	}))
	if got := v(cases.IncidentInfoList); v(cases.TotalCount) != 1 || len(got) != 1 || got[0].IncidentId != caseID || got[0].DcName != "region" {
		t.Errorf("cases: %s", cases)
	}

	limits := ok(client.ShowAccessoryLimits(&model.ShowAccessoryLimitsRequest{}))
	if limits.AccessoryLimit == nil {
		t.Errorf("limits: %s", limits)
	}

	uploaded := ok(client.UploadJsonAccessories(&model.UploadJsonAccessoriesRequest{Body: &model.AccessoryJsonFormatReq{
		AccessoryName: "a.txt", AccessoryFrom: model.GetAccessoryJsonFormatReqAccessoryFromEnum().MESSAGE, UploadType: p[int32](0),
		AccessoryData: "aGVsbG8=",
	}}))
	if v(uploaded.AccessoryId) == "" {
		t.Errorf("upload: %s", uploaded)
	}
	ok(client.DeleteAccessories(&model.DeleteAccessoriesRequest{AccessoryId: v(uploaded.AccessoryId)}))

	for _, r := range server.Requests() {
		if r.Operation == simulator.OpUnknown || r.Operation == simulator.OpLogin || r.Status != http.StatusOK {
			t.Errorf("%s %s: %d", r.Method, r.Path, r.Status)
		}
		if _, ok := credential.(token); !ok && r.Header.Get("X-Domain-Id") != domainID {
			t.Errorf("%s %s: X-Domain-Id = %q", r.Method, r.Path, r.Header.Get("X-Domain-Id"))
		}
	}
}
