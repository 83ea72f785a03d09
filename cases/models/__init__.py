"""One file a model.

A foreign key to one of few rows (a cohort, a protocol, a network, a person) has no index by itself, nor has
one by which a unique constraint begins. Each value covers a large part of the table, and SQLite, which keeps
no statistics, takes such an index for as good as any other. Where rows are found by it, it stands in an index
of several columns; tests/cases/test_plans.py holds that.
"""

from cases.models.acceptance import AcceptanceBounds, ModelDecision
from cases.models.access_event import AccessEvent, AccessKind
from cases.models.adjudication import Adjudication
from cases.models.api_token import ApiToken
from cases.models.assignment import Assignment
from cases.models.audit import AuditEvent
from cases.models.audit_seal import AuditSeal
from cases.models.case import Case
from cases.models.claim import Claim
from cases.models.cohort import Cohort
from cases.models.computed_figures import ComputedFigures
from cases.models.deletion import DeletedPicture, Deletion
from cases.models.deletion_request import DeletionRequest
from cases.models.disclosure import Disclosure
from cases.models.draft import Draft
from cases.models.drift import DriftAlert, DriftBaseline
from cases.models.file_removal import FileRemoval
from cases.models.first_read import FirstRead
from cases.models.image import Image
from cases.models.incoming_upload import IncomingUpload
from cases.models.invitation import Invitation
from cases.models.job import Job
from cases.models.kept_answer import KeptAnswer
from cases.models.likeness_piece import LikenessPiece
from cases.models.membership import Membership
from cases.models.model_version import ModelVersion
from cases.models.original_reference import OriginalReference
from cases.models.prediction import Prediction
from cases.models.protocol import Protocol
from cases.models.review import Review
from cases.models.saved_view import SavedView
from cases.models.sending import Sending
from cases.models.sending_rule import SendingRule
from cases.models.sentinel import SentinelAnswer, SentinelCheck
from cases.models.series import Series
from cases.models.shadow_result import ShadowResult
from cases.models.snapshot import Snapshot
from cases.models.teaching_read import TeachingRead
from cases.models.webhook import Webhook, WebhookDelivery

__all__ = [
    "AcceptanceBounds",
    "AccessEvent",
    "AccessKind",
    "Adjudication",
    "ApiToken",
    "Assignment",
    "AuditEvent",
    "AuditSeal",
    "Case",
    "Claim",
    "Cohort",
    "ComputedFigures",
    "DeletedPicture",
    "Deletion",
    "DeletionRequest",
    "Disclosure",
    "Draft",
    "DriftAlert",
    "DriftBaseline",
    "FileRemoval",
    "FirstRead",
    "Image",
    "IncomingUpload",
    "Invitation",
    "Job",
    "KeptAnswer",
    "LikenessPiece",
    "Membership",
    "ModelDecision",
    "ModelVersion",
    "OriginalReference",
    "Prediction",
    "Protocol",
    "Review",
    "SavedView",
    "Sending",
    "SendingRule",
    "SentinelAnswer",
    "SentinelCheck",
    "Series",
    "ShadowResult",
    "Snapshot",
    "TeachingRead",
    "Webhook",
    "WebhookDelivery",
]
