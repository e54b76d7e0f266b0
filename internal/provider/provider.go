// Package provider is the Terraform side: schemas, plans, state and
// diagnostics. Package delivery decides whether a message is sent, and when it is
// sent again. Package servicerequest makes all calls.
package provider

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/delivery"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

var (
	_ provider.Provider                   = (*serviceRequestProvider)(nil)
	_ provider.ProviderWithActions        = (*serviceRequestProvider)(nil)
	_ provider.ProviderWithListResources  = (*serviceRequestProvider)(nil)
	_ provider.ProviderWithValidateConfig = (*serviceRequestProvider)(nil)
)

// New returns a factory for a provider of this version, ready to serve.
func New(version string) func() tfprotov6.ProviderServer {
	return func() tfprotov6.ProviderServer { return newServer(&serviceRequestProvider{version: version}) }
}

type serviceRequestProvider struct {
	version string
	clock   servicerequest.Clock // for tests; nil is the machine's
}

func (p *serviceRequestProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "servicerequest"
	resp.Version = p.version
}

func (p *serviceRequestProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Posts messages to Huawei Cloud service tickets and reports whether each message is on its ticket. With an `idempotency_key`, a message that the ticket already shows is not posted again, even if the run that posted it was killed or its state was lost.",
		Attributes:          attributesIn(""),
	}
}

func (p *serviceRequestProvider) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	resp.Diagnostics.Append(checkModes(blockOf("", req.Config.Raw))...)
}

// Configure makes the client, but dials nothing. Missing settings are reported
// only when the provider makes an API call. So a plan succeeds while values are
// unknown, or without credentials.
func (p *serviceRequestProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	c := readConfig(blockOf("", req.Config.Raw), environment)
	resp.Diagnostics.Append(c.diagnostics...)
	data := &providerData{missing: c.missing, invalid: c.invalid, secrets: c.secrets, clock: cmp.Or(p.clock, servicerequest.SystemClock)}
	if len(c.missing) == 0 && len(c.invalid) == 0 {
		c.client.UserAgent = "Terraform/" + req.TerraformVersion + " terraform-provider-servicerequest/" + p.version
		c.client.Clock, c.client.OnWait = data.clock, onWait
		data.client = servicerequest.New(c.client)
		data.deliverer = delivery.New(data.client, delivery.Config{MaxRetries: c.retries, Clock: data.clock})
	}
	resp.ResourceData = data
	resp.DataSourceData = data
	resp.ActionData = data
	resp.ListResourceData = data
}

func (p *serviceRequestProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		newCaseMessageResource,
		newAttachmentResource,
	}
}

func (p *serviceRequestProvider) Actions(context.Context) []func() action.Action {
	return []func() action.Action{newCaseMessageAction}
}

func (p *serviceRequestProvider) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{newCaseMessageList}
}

func (p *serviceRequestProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		newCaseDataSource,
		newCaseMessagesDataSource,
		newCasesDataSource,
	}
}

// providerData is what Configure hands to resources, data sources and actions.
type providerData struct {
	client    *servicerequest.Client // nil while a setting is missing or invalid, like deliverer
	deliverer *delivery.Deliverer    // shared: it remembers what this configuration has sent
	clock     servicerequest.Clock
	missing   []string // the missing settings, and where to set them
	invalid   []string // the settings that cannot be used, and why
	secrets   []string // to keep out of the logs

	// created is set once a message was created. After that, Terraform plans a
	// destroy only for the old half of a replacement (create_before_destroy).
	created atomic.Bool
}

// clientFor returns the client for an API call, and the context to log with. Without a
// client it adds an error.
func (p *providerData) clientFor(ctx context.Context, diags *diag.Diagnostics) (context.Context, *servicerequest.Client) {
	if p == nil || p.client == nil {
		diags.Append(unusableConfiguration(p))
		return ctx, nil
	}
	// The client removes secrets from its errors (see its redact). The masks are
	// for everything else that is logged.
	ctx = tflog.MaskAllFieldValuesStrings(ctx, p.secrets...)
	ctx = tflog.MaskMessageStrings(ctx, p.secrets...)
	return ctx, p.client
}

// onWait tells of a call that is waiting: the log, and the progress of an action.
func onWait(ctx context.Context, reason string, wait time.Duration) {
	tflog.Warn(ctx, "Waiting for the service", map[string]any{"reason": reason, "wait": wait.String()})
	if progress, ok := ctx.Value(progressKey{}).(func(string)); ok {
		progress(fmt.Sprintf("Waiting %s for the service: %s", wait.Round(time.Millisecond), reason))
	}
}

// progressKey is the context's key for the function that shows the progress of an action.
type progressKey struct{}

// providerDataFrom converts what Configure has handed over. It returns nil while
// Terraform validates: the provider is not configured yet.
func providerDataFrom(data any) *providerData {
	p, _ := data.(*providerData)
	return p
}

// dataSource is what every data source has.
type dataSource struct {
	name     string // of its type, after that of the provider
	provider *providerData
}

func (d *dataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + d.name
}

func (d *dataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.provider = providerDataFrom(req.ProviderData)
}
