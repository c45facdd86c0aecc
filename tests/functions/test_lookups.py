"""Resources that records do not name: the built tag-handler asks the service for each, and tags what it surely tells."""
import copy
import datetime
import unittest
import uuid

import local_aws
from local_aws import ACCOUNT, REGION, client_env, load
from records import fresh, now
from rig import Rig


def event_of(name, request=None, response=None, at=None):
    """The event file `name` as the session's own call, with other members in request and response."""
    event = fresh(load(name), at)
    detail = event["detail"]
    detail["requestParameters"] = {**detail["requestParameters"], **(request or {})}
    if response:
        detail["responseElements"] = response
    detail["userIdentity"] = copy.deepcopy(MOTO.session.identity)
    event["account"] = detail["recipientAccountId"] = ACCOUNT
    event["region"] = detail["awsRegion"] = REGION
    return event


class Tagged(unittest.TestCase):
    def handle(self, event, lambdas=None):
        """Whether the event comes again, and its line in the log."""
        lambdas = lambdas or MOTO.lambdas
        answer = lambdas.invoke("tag-handler", local_aws.batch([event]))
        (line,) = [one for one in lambdas.log() if one.get("eventID") == event["detail"]["eventID"]]
        return bool(answer["batchItemFailures"]), line


class AutoScalingGroups(Tagged):
    def setUp(self):
        # A name may have slashes.
        self.name = f"web/{uuid.uuid4().hex[:8]}"
        self.c = MOTO.c("autoscaling")

    def create(self, *tags):
        (image,) = MOTO.c("ec2").describe_images(MaxResults=5)["Images"][:1]
        configuration = f"configuration-{uuid.uuid4().hex[:8]}"
        self.c.create_launch_configuration(LaunchConfigurationName=configuration, ImageId=image["ImageId"], InstanceType="t3.micro")
        self.c.create_auto_scaling_group(
            AutoScalingGroupName=self.name, LaunchConfigurationName=configuration, MinSize=0, MaxSize=0, AvailabilityZones=[f"{REGION}a"],
            Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": at_launch} for key, value, at_launch in tags])

    def tags(self):
        (group,) = self.c.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"]
        return {(tag["Key"], tag["Value"], tag["PropagateAtLaunch"]) for tag in group["Tags"]}

    def event(self, at=None):
        return event_of("autoscaling/CreateAutoScalingGroup", {"autoScalingGroupName": self.name, "tags": []}, at=at)

    def wanted(self, at_launch):
        return {(key, value, at_launch) for key, value in MOTO.wanted().items()}

    def test_a_group_is_tagged_and_keeps_the_tags_of_others(self):
        theirs = {("Name", "web", True), ("Person", "theirs", True)}
        self.create(*theirs)
        again, line = self.handle(self.event())
        self.assertFalse(again, line)
        self.assertEqual(line["resources"][0]["by"], "autoscaling:CreateOrUpdateTags")
        self.assertEqual(self.tags(), theirs | {tag for tag in self.wanted(False) if tag[0] != "Person"})
        _, line = self.handle(self.event())
        self.assertEqual(line["resources"][0]["reason"], "there is nothing to add")

    def test_tags_go_on_to_instances_only_by_a_setting(self):
        self.create()
        on = local_aws.Lambdas("propagate", {**client_env(MOTO.server.url), "PROPAGATE_AT_LAUNCH": "on"})
        again, line = self.handle(self.event(), on)
        self.assertFalse(again, line)
        self.assertEqual(self.tags(), self.wanted(True))

    def test_a_group_that_is_not_there_yet_is_waited_for_and_one_that_is_gone_is_not(self):
        self.assertTrue(self.handle(self.event())[0])
        again, line = self.handle(self.event(now() - datetime.timedelta(minutes=11)))
        self.assertEqual((again, line["resources"]), (False, []))

    def test_a_group_that_had_the_name_before_or_has_it_since_is_left_alone(self):
        self.create()
        for minutes in (-30, 30):
            again, line = self.handle(self.event(now() - datetime.timedelta(minutes=minutes)))
            self.assertFalse(again, line)
            self.assertEqual(self.tags(), set(), line)


class Others(Tagged):
    def test_a_namespace_is_told_by_the_operation_that_makes_it(self):
        c = MOTO.c("servicediscovery")
        operation = c.create_http_namespace(Name=f"shop-{uuid.uuid4().hex[:8]}")["OperationId"]
        again, line = self.handle(event_of("servicediscovery/CreateHttpNamespace", response={"operationId": operation}))
        self.assertFalse(again, line)
        arn = line["resources"][0]["arn"]
        self.assertIn(c.get_operation(OperationId=operation)["Operation"]["Targets"]["NAMESPACE"], arn)
        tags = c.list_tags_for_resource(ResourceARN=arn)["Tags"]
        self.assertEqual({tag["Key"]: tag["Value"] for tag in tags}, MOTO.wanted())

    def test_an_operation_that_nobody_knows_tags_nothing_and_comes_again(self):
        again, line = self.handle(event_of("servicediscovery/CreateHttpNamespace", response={"operationId": "unknown"}))
        self.assertEqual((again, line["resources"]), (True, []))

    def test_an_account_and_the_root_of_an_organization_are_told_by_it(self):
        c = MOTO.c("organizations")
        organization = c.create_organization(FeatureSet="ALL")["Organization"]
        again, line = self.handle(event_of("organizations/CreateOrganization", response={"organization": {"id": organization["Id"]}}))
        self.assertFalse(again, line)
        (root,) = c.list_roots()["Roots"]
        status = c.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]
        created = {"createAccountStatus": {"id": status["Id"], "state": "IN_PROGRESS"}}
        again, line = self.handle(event_of("organizations/CreateAccount", response=created))
        self.assertFalse(again, line)
        account = c.describe_account(AccountId=status["AccountId"])["Account"]
        self.assertEqual(line["resources"][0]["arn"], account["Arn"])
        for resource in (root["Id"], account["Id"]):
            tags = c.list_tags_for_resource(ResourceId=resource)["Tags"]
            self.assertEqual({tag["Key"]: tag["Value"] for tag in tags}, MOTO.wanted())


class WhatComesAlong(Tagged):
    """What EC2 and Elastic Load Balancing create besides, which no record names."""

    def test_the_interface_of_a_nat_gateway_is_tagged_once_it_is_there(self):
        c = MOTO.c("ec2")
        address = c.allocate_address(Domain="vpc")["AllocationId"]
        gateway = c.create_nat_gateway(SubnetId=MOTO.net.subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
        again, line = self.handle(event_of("ec2/CreateNatGateway", response={"natGateway": {"natGatewayId": gateway}}))
        self.assertFalse(again, line)
        (described,) = c.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
        for resource in (gateway, described["NatGatewayAddresses"][0]["NetworkInterfaceId"]):
            tags = c.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])["Tags"]
            self.assertEqual({tag["Key"]: tag["Value"] for tag in tags}, MOTO.wanted())

    def test_an_address_that_another_account_gave_is_found_by_its_number(self):
        c = MOTO.c("ec2")
        address = c.allocate_address(Domain="vpc")
        request = {"AcceptAddressTransferRequest": {"Address": address["PublicIp"]}}
        again, line = self.handle(event_of("ec2/AcceptAddressTransfer", request))
        self.assertFalse(again, line)
        tags = c.describe_tags(Filters=[{"Name": "resource-id", "Values": [address["AllocationId"]]}])["Tags"]
        self.assertEqual({tag["Key"]: tag["Value"] for tag in tags}, MOTO.wanted())

    def test_the_default_rule_of_a_listener_is_looked_up_only_by_a_setting(self):
        c = MOTO.c("elbv2")
        balancer = c.create_load_balancer(Name="rules", Subnets=MOTO.net.subnets[:2])["LoadBalancers"][0]["LoadBalancerArn"]
        action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        listener = c.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[action])["Listeners"][0]["ListenerArn"]
        (rule,) = [rule["RuleArn"] for rule in c.describe_rules(ListenerArn=listener)["Rules"] if rule["IsDefault"]]
        event = event_of("elasticloadbalancing/CreateListener", response={"listeners": [{"listenerArn": listener}]})
        again, line = self.handle(event)
        self.assertEqual((again, [made["arn"] for made in line["resources"]]), (False, [listener]))
        also = local_aws.Lambdas("also", {**client_env(MOTO.server.url), "ALSO_TAG": "elasticloadbalancing:listener-rule"})
        again, line = self.handle(event, also)
        self.assertEqual([made["arn"] for made in line["resources"]], [listener, rule])
        # Moto does not tag default rules.
        self.assertTrue(again and line["resources"][1]["reason"].startswith("RuleNotFound"), line)


def setUpModule():
    global MOTO
    MOTO = Rig("lookups", local_aws.moto())


if __name__ == "__main__":
    unittest.main()
