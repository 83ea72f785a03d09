"""The wires to a hospital: DICOMweb."""
