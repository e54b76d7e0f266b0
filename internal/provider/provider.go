// Package provider is the Terraform side of the house: schemas, plans, state
// and diagnostics. What goes over the wire, and when it may go twice, is the
// business of package servicerequest.
package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

var (
	_ provider.Provider                   = (*serviceRequestProvider)(nil)
	_ provider.ProviderWithActions        = (*serviceRequestProvider)(nil)
	_ provider.ProviderWithListResources  = (*serviceRequestProvider)(nil)
	_ provider.ProviderWithValidateConfig = (*serviceRequestProvider)(nil)
)

// New returns a factory of the provider, of the given version, ready to serve.
func New(version string) func() tfprotov6.ProviderServer {
	return func() tfprotov6.ProviderServer { return newServer(&serviceRequestProvider{version: version}) }
}

type serviceRequestProvider struct {
	version string
	clock   servicerequest.Clock // for tests; nil is the machine's
}

// providerModel is the provider block. A new attribute is a field here and a
// row of settings in config.go, which says how the environment fills it in;
// one that is no string is read there by hand.
type providerModel struct {
	Endpoint       types.String `tfsdk:"endpoint"`
	Token          types.String `tfsdk:"token"`
	AccessKey      types.String `tfsdk:"access_key"`
	SecretKey      types.String `tfsdk:"secret_key"`
	SecurityToken  types.String `tfsdk:"security_token"`
	DomainID       types.String `tfsdk:"domain_id"`
	UserName       types.String `tfsdk:"user_name"`
	Password       types.String `tfsdk:"password"`
	DomainName     types.String `tfsdk:"domain_name"`
	AuthURL        types.String `tfsdk:"auth_url"`
	Language       types.String `tfsdk:"language"`
	TimeZone       types.String `tfsdk:"time_zone"`
	Site           types.String `tfsdk:"site"`
	RequestTimeout types.String `tfsdk:"request_timeout"`
	MaxRetries     types.Int64  `tfsdk:"max_retries"`
	CACertFile     types.String `tfsdk:"ca_cert_file"`
	Insecure       types.Bool   `tfsdk:"insecure"`
}

func (p *serviceRequestProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "servicerequest"
	resp.Version = p.version
}

func (p *serviceRequestProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Posts messages to Huawei Cloud service tickets: each once, with no loss and no duplicate.",
		Attributes:          providerAttributes(),
	}
}

func (p *serviceRequestProvider) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(checkOneMode(&model)...)
	}
}

// Configure makes the client, but dials nothing. What is missing is reported
// by the first call that needs it, so that a plan succeeds while values are
// unknown or credentials are not at hand.
func (p *serviceRequestProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	c := readConfig(&model, environment)
	resp.Diagnostics.Append(c.diagnostics...)
	if resp.Diagnostics.HasError() {
		return
	}
	s := &service{missing: c.missing, secrets: c.secrets}
	if len(c.missing) == 0 {
		c.client.UserAgent = "Terraform/" + req.TerraformVersion + " terraform-provider-servicerequest/" + p.version
		c.client.Clock = p.clock
		client, err := servicerequest.New(c.client)
		if err != nil {
			resp.Diagnostics.Append(c.invalid("ca_cert_file", err))
			return
		}
		s.client = client
	}
	resp.ResourceData = s
	resp.DataSourceData = s
	resp.ActionData = s
	resp.ListResourceData = s
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

// service is what Configure hands to resources and data sources.
type service struct {
	client  *servicerequest.Client // nil while something is missing
	missing []string               // what, and where to give it
	secrets []string               // to keep out of the logs
}

// connect returns the client for an actual call, and the context to log with.
func (s *service) connect(ctx context.Context) (context.Context, *servicerequest.Client, diag.Diagnostics) {
	if s == nil || s.client == nil {
		return ctx, nil, diag.Diagnostics{missingConfiguration(s)}
	}
	// What the client says is clean already (see its redact). This is for what
	// is logged besides.
	ctx = tflog.MaskAllFieldValuesStrings(ctx, s.secrets...)
	ctx = tflog.MaskMessageStrings(ctx, s.secrets...)
	return ctx, s.client, nil
}

// serviceFrom reads what Configure of the provider left. It is nil while
// Terraform validates, when the provider is not configured yet.
func serviceFrom(data any) *service {
	s, _ := data.(*service)
	return s
}

// dataSource is what every data source has.
type dataSource struct{ service *service }

func (d *dataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.service = serviceFrom(req.ProviderData)
}
