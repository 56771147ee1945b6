from __future__ import annotations

import pytest

from uniner_mcp import Extractor
from uniner_mcp.engines.base import Answer, Mention, Provenance
from uniner_mcp.engines.scripted import ScriptedEngine
from uniner_mcp.extraction import specificity
from uniner_mcp.extraction.specificity import Kinds, meeting
from uniner_mcp.schema import EntityType
