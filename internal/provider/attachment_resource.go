package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

var (
	_ resource.ResourceWithConfigure      = (*attachmentResource)(nil)
	_ resource.ResourceWithValidateConfig = (*attachmentResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*attachmentResource)(nil)
)

func newAttachmentResource() resource.Resource { return &attachmentResource{} }

type attachmentResource struct{ service *service }

type attachmentModel struct {
	Source        types.String `tfsdk:"source"`
	ContentBase64 types.String `tfsdk:"content_base64"`
	Content       types.String `tfsdk:"content"`
	Name          types.String `tfsdk:"name"`
	ID            types.String `tfsdk:"id"`
	Size          types.Int64  `tfsdk:"size"`
	ContentSHA256 types.String `tfsdk:"content_sha256"`
}

func (r *attachmentResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_attachment"
}

func (r *attachmentResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A file for messages to attach: creating it uploads the file, and the `id` goes into a message's `accessory_ids`. " +
			"Destroying it deletes the file, unless a message uses it: then it stays, with a warning. " +
			"A changed file or name is uploaded anew.\n\n" +
			"The service has limits, such as 2 MB a file and a list of types. They are asked for before the first upload of a run, " +
			"and a file outside of them is not sent.\n\n" +
			"A file that changes between plan and apply is not sent either. Terraform then reports that the provider produced an inconsistent final plan " +
			"for `content_sha256`. Despite its text that is no bug: plan again.",
		Attributes: map[string]schema.Attribute{
			"source": schema.StringAttribute{
				Optional: true,
				Validators: []validator.String{
					check(notEmpty),
					stringvalidator.ExactlyOneOf(path.MatchRoot("source"), path.MatchRoot("content"), path.MatchRoot("content_base64")),
				},
				MarkdownDescription: "Path of the file, which must be there until it is uploaded. A file that is gone later changes nothing, with a warning. Exactly one of `source`, `content` and `content_base64` is needed.",
			},
			"content": schema.StringAttribute{
				Optional: true, Validators: []validator.String{check(notEmpty)},
				MarkdownDescription: "The text to attach. It is kept in plan and state: put no secret in it, and use `source` for a large file.",
			},
			"content_base64": schema.StringAttribute{
				Optional: true, Validators: []validator.String{all(notEmpty, isBase64)},
				MarkdownDescription: "The bytes to attach, in base64. It is kept in plan and state, as `content` is.",
			},
			"name": schema.StringAttribute{
				Optional: true, Computed: true, Validators: []validator.String{attachmentNameCheck},
				MarkdownDescription: "Name of the file on the ticket, 1 to 512 characters. Its extension tells the service the file's type. " +
					"Default: the last element of `source`; needed without that.",
			},
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "ID from the service, for a message's `accessory_ids`.",
			},
			"size": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Size of the file in bytes.",
			},
			"content_sha256": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "SHA-256 of the file, in hexadecimal.",
			},
		},
	}
}

var attachmentNameCheck = all(length(1, 512), noControl, noSeparator)

func notEmpty(s string) error {
	if s == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func noSeparator(s string) error {
	if strings.ContainsAny(s, `/\`) {
		return errors.New(`must be a file's name, without "/" and "\"`)
	}
	return nil
}

func isBase64(s string) error {
	if _, err := base64.StdEncoding.DecodeString(s); err != nil {
		return errors.New("must be base64, such as filebase64() gives")
	}
	return nil
}

func (r *attachmentResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.service = serviceFrom(req.ProviderData)
}

func (r *attachmentResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m attachmentModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if m.Name.IsNull() && m.Source.IsNull() && (!m.Content.IsNull() || !m.ContentBase64.IsNull()) {
		resp.Diagnostics.AddAttributeError(path.Root("name"), "Missing name",
			`Content without a file has no name to take over. Set name, such as "trace.txt": its extension tells the service the file's type.`)
	}
}

// ModifyPlan looks at the file, so that a changed one is seen and a wrong one
// fails here. What is unknown waits, and counts as changed.
func (r *attachmentResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return // to be destroyed
	}
	var m attachmentModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var state attachmentModel
	uploaded := !req.State.Raw.IsNull()
	if uploaded {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	err := m.complete()
	if uploaded && errors.Is(err, errMissing) && m.Source.Equal(state.Source) && m.Name.Equal(state.Name) {
		// Nothing else has changed. Terraform plans before it destroys, too: an error
		// would keep a runner without the file from destroying the attachment.
		resp.Diagnostics.AddAttributeWarning(path.Root("source"), "The file is gone", fmt.Sprintf(
			"The file %q does not exist any more, so the attachment stays as it was uploaded.", m.Source.ValueString()))
		resp.Diagnostics.Append(resp.Plan.Set(ctx, state)...)
		return
	}
	if err != nil {
		resp.Diagnostics.Append(m.unusable(err)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}

	m.ID = types.StringUnknown()
	if uploaded {
		if !m.Name.Equal(state.Name) {
			resp.RequiresReplace = append(resp.RequiresReplace, path.Root("name"))
		}
		if !m.ContentSHA256.Equal(state.ContentSHA256) {
			resp.RequiresReplace = append(resp.RequiresReplace, path.Root("content_sha256"))
		}
		if len(resp.RequiresReplace) == 0 {
			m.ID = state.ID
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, m)...)
}

func (r *attachmentResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m attachmentModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	attachment, diags := m.read()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, client, diags := r.service.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(m.checkLimits(ctx, client, attachment)...)
	if resp.Diagnostics.HasError() {
		return
	}

	id, err := client.Upload(ctx, attachment)
	if err != nil {
		resp.Diagnostics.Append(callDiagnostic("Unable to upload the attachment", err))
		return
	}
	m.ID = types.StringValue(id)
	tflog.Info(ctx, "The attachment is uploaded", map[string]any{"id": id, "name": attachment.Name, "size": attachment.Size})
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Read keeps the state: the service has no call to look at an attachment.
func (r *attachmentResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

// Update takes over where the file comes from. ModifyPlan lets it come here
// only if neither the file nor its name changes: all else is a replacement.
func (r *attachmentResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m attachmentModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Delete goes on when the service keeps the file: a message that uses it is on
// the ticket for good, and with an error here nobody could ever destroy it.
func (r *attachmentResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m attachmentModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	ctx, client, diags := r.service.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	err := client.DeleteAttachment(ctx, m.ID.ValueString())
	var kept *servicerequest.NotDeletedError
	switch {
	case errors.As(err, &kept):
		resp.Diagnostics.AddWarning("The attachment was not deleted",
			fmt.Sprintf("The service refused to delete %q (%s): a message or a ticket uses it, or it is gone already. It is out of the state, and stays where it is used.\n\n%s.",
				m.Name.ValueString(), m.ID.ValueString(), kept.Err))
	case err != nil:
		resp.Diagnostics.Append(callDiagnostic("Unable to delete the attachment", err))
	}
}

// complete derives the computed attributes from the configured ones, as far as
// those are known. The error is for unusable.
func (m *attachmentModel) complete() error {
	m.Size, m.ContentSHA256 = types.Int64Unknown(), types.StringUnknown()
	if m.Name.IsNull() {
		m.Name = types.StringUnknown()
		if err := m.takeName(); err != nil {
			return err
		}
	}
	if m.at().Equal(path.Empty()) {
		return nil // not known yet
	}
	content, size, err := m.open()
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	hash := sha256.New()
	read, err := io.Copy(hash, io.LimitReader(content, size+1))
	if err == nil && read != size {
		err = errChanging
	}
	if err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	m.Size, m.ContentSHA256 = types.Int64Value(size), types.StringValue(hex.EncodeToString(hash.Sum(nil)))
	return nil
}

// takeName takes the source's base name over, once that is known.
func (m *attachmentModel) takeName() error {
	if !known(m.Source) {
		return nil
	}
	name := filepath.Base(m.Source.ValueString())
	if err := attachmentNameCheck(name); err != nil {
		return fmt.Errorf("has a name that cannot be taken over: it %w. Set name", err)
	}
	m.Name = types.StringValue(name)
	return nil
}

var (
	errMissing  = errors.New("does not exist")
	errChanging = errors.New("it changed while it was read")
)

// read reads the content for the upload, and holds it against the plan.
func (m *attachmentModel) read() (*servicerequest.Attachment, diag.Diagnostics) {
	if m.Name.IsUnknown() {
		if err := m.takeName(); err != nil {
			return nil, m.unusable(err)
		}
	}
	content, size, err := m.open()
	if err != nil {
		return nil, m.unusable(err)
	}
	defer func() { _ = content.Close() }()
	a, err := servicerequest.NewAttachment(m.Name.ValueString(), size, content)
	if err != nil {
		return nil, m.unusable(fmt.Errorf("cannot be read: %w", err))
	}
	if planned := m.ContentSHA256; known(planned) && a.SHA256 != planned.ValueString() {
		return nil, m.unusable(fmt.Errorf("has changed since the plan: its SHA-256 was %s, and is now %s. Run terraform plan again", planned.ValueString(), a.SHA256))
	}
	m.Size, m.ContentSHA256 = types.Int64Value(a.Size), types.StringValue(a.SHA256)
	return a, nil
}

// at is the attribute that has the content, or empty as long as none is known.
func (m *attachmentModel) at() path.Path {
	switch {
	case known(m.Source):
		return path.Root("source")
	case known(m.Content):
		return path.Root("content")
	case known(m.ContentBase64):
		return path.Root("content_base64")
	}
	return path.Empty()
}

func known(s types.String) bool { return !s.IsNull() && !s.IsUnknown() }

// open opens the content, and refuses a size that cannot be sent. The errors
// are words that follow the name of the content.
func (m *attachmentModel) open() (content io.ReadCloser, size int64, err error) {
	switch {
	case known(m.Source):
		content, size, err = openFile(m.Source.ValueString())
	case known(m.Content):
		text := m.Content.ValueString()
		content, size = io.NopCloser(strings.NewReader(text)), int64(len(text))
	default:
		decoded, _ := base64.StdEncoding.DecodeString(m.ContentBase64.ValueString()) // checked
		content, size = io.NopCloser(bytes.NewReader(decoded)), int64(len(decoded))
	}
	if err != nil {
		return nil, 0, err
	}
	// As long as the name is unknown, the shortest one counts.
	highest := servicerequest.MaxAttachmentSize(m.Name.ValueString())
	switch {
	case size == 0:
		err = errors.New("is empty")
	case size > highest:
		err = fmt.Errorf("has %d bytes, but at most %d fit: a request to the service may have 12 MB, in base64", size, highest)
	}
	if err != nil {
		_ = content.Close()
	}
	return content, size, err
}

// openFile looks before it opens: to open a pipe would wait for a writer.
func openFile(name string) (*os.File, int64, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, errMissing
	case err != nil:
		return nil, 0, fmt.Errorf("cannot be read: %w", err)
	case info.IsDir():
		return nil, 0, errors.New("is a directory")
	case !info.Mode().IsRegular():
		return nil, 0, errors.New("is not a regular file")
	}
	file, err := os.Open(name) //nolint:gosec // the user's own choice of a file
	if err != nil {
		return nil, 0, fmt.Errorf("cannot be read: %w", err)
	}
	return file, info.Size(), nil
}

// unusable is the diagnostic of content that cannot be attached.
func (m *attachmentModel) unusable(err error) diag.Diagnostics {
	at := m.at()
	what := "The value of " + at.String()
	if known(m.Source) {
		what = fmt.Sprintf("The file %q", m.Source.ValueString())
	}
	return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at, "Unusable attachment", what+" "+err.Error()+". Nothing was sent.")}
}

// checkLimits holds an attachment against the service's limits, as far as they
// are known: the service has the last word anyway.
func (m *attachmentModel) checkLimits(ctx context.Context, client *servicerequest.Client, a *servicerequest.Attachment) diag.Diagnostics {
	limits, err := client.AttachmentLimits(ctx)
	switch {
	case err != nil:
		tflog.Warn(ctx, "The service's limits of attachments are not known, uploading without", map[string]any{"name": a.Name, "reason": err.Error()})
	case limits.MaxMB == 0 || limits.Types == nil:
		tflog.Warn(ctx, "Not all of the service's limits of attachments could be read", map[string]any{"name": a.Name})
	}
	if !limits.TakesSize(a.Size) {
		return m.unusable(fmt.Errorf("has %d bytes, but the service takes at most %v MB (limit_size)", a.Size, limits.MaxMB))
	}
	if !limits.TakesType(a.Name) {
		at := path.Root("name")
		if known(m.Source) && filepath.Base(m.Source.ValueString()) == a.Name {
			at = path.Root("source")
		}
		return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at, "Unusable attachment", fmt.Sprintf(
			"The service does not take files such as %q. It takes these types (limit_file_type): %s. Nothing was sent.", a.Name, strings.Join(limits.Types, ", ")))}
	}
	return nil
}
