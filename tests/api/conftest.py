"""What tests of the API share."""

from tests.api.door import door as door
from tests.api.door import module_door as module_door
