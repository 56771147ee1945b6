"""Find mentions of any entity type in text, with exact offsets: library, command line and MCP server.

    async with Extractor.open() as extractor:
        extraction = await extractor.extract("Ada Lovelace met Babbage.", entity_types=["person"])

This module is the public API. Everything else may change.
"""

from uniner_mcp.documents.document import Document, Place
from uniner_mcp.documents.reading import read_document
from uniner_mcp.errors import EngineError, ExtractionError, RequestError, SettingsError, UninerError
from uniner_mcp.extraction.extractor import Extractor
from uniner_mcp.extraction.sync import SyncExtractor
from uniner_mcp.extraction.views import view
from uniner_mcp.schema import (
    Accuracy,
    AnsweredBy,
    DistinctMention,
    Domain,
    DomainList,
    Entity,
    EntityType,
    Extraction,
    Overlap,
    TeacherMissing,
    TypeCount,
    Unanswered,
)
from uniner_mcp.settings import Settings, load_settings
from uniner_mcp.types import Relation, TypeRelation, relation

__all__ = [
    "Accuracy",
    "AnsweredBy",
    "DistinctMention",
    "Document",
    "Domain",
    "DomainList",
    "EngineError",
    "Entity",
    "EntityType",
    "Extraction",
    "ExtractionError",
    "Extractor",
    "Overlap",
    "Place",
    "Relation",
    "RequestError",
    "Settings",
    "SettingsError",
    "SyncExtractor",
    "TeacherMissing",
    "TypeCount",
    "TypeRelation",
    "Unanswered",
    "UninerError",
    "load_settings",
    "read_document",
    "relation",
    "view",
]

__version__ = "0.1.0"
