# aws-tags from Terraform: the CloudFormation stacks as resources, in the order in which they need each other. What `make deploy` does
# for one account, without its questions; `infra/README.md`, "Deploy from Terraform", says how.

terraform {
  required_version = ">= 1.5"
  required_providers {
    # The first whose resources name their Region themselves.
    aws = { source = "hashicorp/aws", version = ">= 6.0" }
  }
}

variable "home_region" {
  description = "Region of the tag-handler and the session table."
  type        = string
}

variable "regions" {
  description = "The other Regions in which people create resources or start sessions. us-east-1 and recorder_regions are always among them."
  type        = set(string)
  default     = []
}

variable "recorder_regions" {
  description = "Regions with a session-recorder besides the home Region and us-east-1, such as that of Identity Center; at most four."
  type        = set(string)
  default     = []
}

variable "code" {
  description = "Folder with tag-handler.zip and session-recorder.zip, built for the parameter Architecture."
  type        = string
}

variable "parameters" {
  description = "Parameters of the templates, such as { Services = \"all\", Owner = \"session-name\" }. Each goes to the templates that have it."
  type        = map(string)
  default     = {}
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  templates = { for name in ["tag-handler", "session-recorder", "region-forwarder"] : name => "${path.module}/../${name}.yaml" }
  # Their own parameters, by template: CloudFormation refuses one that a template does not have.
  known = {
    for name, path in local.templates :
    name => regexall("\n  ([A-Za-z]+):\n    Description: ", split("\nConditions:", file(path))[0])[*][0]
  }
  given = { for name, known in local.known : name => { for key, value in var.parameters : key => value if contains(known, key) } }
  # Alarms take topics of their own Region only.
  topic        = lookup(var.parameters, "AlarmTopicArn", "")
  topic_region = local.topic == "" ? "" : split(":", local.topic)[3]

  is_global  = data.aws_partition.current.partition == "aws"
  recorders  = setunion([var.home_region], local.is_global ? ["us-east-1"] : [], var.recorder_regions)
  forwarders = setsubtract(setunion(local.recorders, var.regions), [var.home_region])
  bucket     = "aws-tags-code-${data.aws_caller_identity.current.account_id}"
  further    = join(",", sort(var.recorder_regions))
}

# Lambda takes code from buckets of its own Region only.
resource "aws_s3_bucket" "code" {
  for_each      = local.recorders
  region        = each.key
  bucket        = "${local.bucket}-${each.key}"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "code" {
  for_each = aws_s3_bucket.code
  region   = each.key
  bucket   = each.value.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_public_access_block" "code" {
  for_each                = aws_s3_bucket.code
  region                  = each.key
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Keys follow the content, so that a function changes where its code does.
resource "aws_s3_object" "tag_handler" {
  region = var.home_region
  bucket = aws_s3_bucket.code[var.home_region].id
  key    = "${filesha256("${var.code}/tag-handler.zip")}/tag-handler.zip"
  source = "${var.code}/tag-handler.zip"
}

resource "aws_s3_object" "session_recorder" {
  for_each = aws_s3_bucket.code
  region   = each.key
  bucket   = each.value.id
  key      = "${filesha256("${var.code}/session-recorder.zip")}/session-recorder.zip"
  source   = "${var.code}/session-recorder.zip"
}

# Two of the templates are larger than a call may pass directly.
resource "aws_s3_object" "template" {
  for_each = local.templates
  region   = var.home_region
  bucket   = aws_s3_bucket.code[var.home_region].id
  key      = "${filesha256(each.value)}/${each.key}.yaml"
  source   = each.value
}

locals {
  address = {
    for name, object in aws_s3_object.template :
    name => "https://${aws_s3_bucket.code[var.home_region].bucket_regional_domain_name}/${object.key}"
  }
}

resource "aws_cloudformation_stack" "tag_handler" {
  region       = var.home_region
  name         = "aws-tags-tag-handler"
  template_url = local.address["tag-handler"]
  capabilities = ["CAPABILITY_IAM"]
  parameters = merge(local.given["tag-handler"], {
    AlarmTopicArn    = local.topic_region == var.home_region ? local.topic : ""
    CodeBucketPrefix = local.bucket
    CodeKey          = aws_s3_object.tag_handler.key
    RecorderRegions  = local.further
  })
  lifecycle {
    precondition {
      condition     = length(setsubtract(keys(var.parameters), flatten(values(local.known)))) == 0
      error_message = "No template has ${join(", ", setsubtract(keys(var.parameters), flatten(values(local.known))))}."
    }
    precondition {
      condition     = local.is_global || length(local.forwarders) == 0
      error_message = "There EventBridge sends no events between Regions: deploy each Region by itself."
    }
  }
}

resource "aws_cloudformation_stack" "session_recorder" {
  for_each     = local.recorders
  region       = each.key
  name         = "aws-tags-session-recorder"
  template_url = local.address["session-recorder"]
  capabilities = ["CAPABILITY_IAM"]
  parameters = merge(local.given["session-recorder"], {
    AlarmTopicArn    = local.topic_region == each.key ? local.topic : ""
    HomeRegion       = var.home_region
    CodeBucketPrefix = local.bucket
    CodeKey          = aws_s3_object.session_recorder[each.key].key
  })
  # It imports the key that the tag-handler's stack exports.
  depends_on = [aws_cloudformation_stack.tag_handler]
}

resource "aws_cloudformation_stack" "region_forwarder" {
  for_each     = local.forwarders
  region       = each.key
  name         = "aws-tags-region-forwarder"
  template_url = local.address["region-forwarder"]
  capabilities = ["CAPABILITY_IAM"]
  parameters = merge(local.given["region-forwarder"], {
    AlarmTopicArn   = local.topic_region == each.key ? local.topic : ""
    HomeRegion      = var.home_region
    RecorderRegions = local.further
  })
  # They need a home Region whose rules are in place.
  depends_on = [aws_cloudformation_stack.session_recorder]
}
